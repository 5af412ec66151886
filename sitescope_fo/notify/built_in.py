"""The built-in mail templates. The first line is the subject, then an empty line, then the text.

They are read at 3 a.m. on a telephone: what, where, since when, what decided, who watches now, what comes next.
"""

from __future__ import annotations

_FACTS = """\
Monitor:      {{ monitor }} ({{ type }})
Path:         {{ path }}
{% if target %}
Target:       {{ target }}
{% endif %}
State:        {{ state }}
{% if because %}
Decided by:   {{ because }}
{% endif %}
{% for value in values %}
Measured:     {{ value }}
{% endfor %}
"""

_WATCHED_BY = """\
Monitored by: {{ node }}{% if role %} ({{ role }}){% endif %}{% if profile %} for {{ profile }}{% endif %}, term {{ term }}
"""

_BLIND = """\

Nobody watched this monitor from {{ blind_from }} to {{ blind_to }} ({{ blind_for }}).
What happened in between was not seen.
"""

ALERT = (
    """\
[SiteScope] {{ status | upper }} {{ path }}{% if repeat > 1 %} (reminder {{ repeat }}){% endif %}

{{ path }} is {{ status }} since {{ since }}.

"""
    + _FACTS
    + """\
In a row:     {{ count }}
"""
    + _WATCHED_BY
    + """\

Next: it is checked every {{ every }}. {{ next_mail }}
Alert: {{ alert }} ({{ when }})
"""
)

FIRST_SEEN = (
    """\
[SiteScope] {{ status | upper }} {{ path }} (first seen after failover)

{{ path }} is {{ status }}: this was the first result after a failover.
"""
    + _BLIND
    + """\

"""
    + _FACTS
    + _WATCHED_BY
    + """\

Next: it is checked every {{ every }}. {{ next_mail }}
Alert: {{ alert }} ({{ when }})
"""
)

RECOVERY = (
    """\
[SiteScope] {{ status | upper }} {{ path }}{% if blind_from %} (recovered during a failover){% endif %}

{{ path }} is {{ status }} again.

It was {{ was }}, as mailed at {{ told }}.
{% if blind_from %}"""
    + _BLIND
    + """\
{% endif %}

"""
    + _FACTS
    + _WATCHED_BY
    + """\

Next: it is checked every {{ every }}. {{ next_mail }}
Alert: {{ alert }} ({{ when }})
"""
)

ROLE = """\
[SiteScope] {{ subject }}

{{ text }}

{% if profile %}
Profile: {{ profile }}, term {{ term }}
{% endif %}
Node:    {{ node }}
Time:    {{ at }}
Event:   {{ event }}

More: `sitescope-fo status` on that node shows what runs where, and why.
"""

BUILT_IN = {"alert": ALERT, "first_seen": FIRST_SEEN, "recovery": RECOVERY, "role": ROLE}
