"""All sections, in the order of the page."""

from __future__ import annotations

from sitescope_fo.console.view.preferences.accounts import SECRETS, TOKENS, USERS
from sitescope_fo.console.view.preferences.certificates import CERTIFICATES
from sitescope_fo.console.view.preferences.console import CONSOLE
from sitescope_fo.console.view.preferences.handled import ACKS, DOWNTIMES
from sitescope_fo.console.view.preferences.mail import MAIL, TEMPLATES
from sitescope_fo.console.view.preferences.node import GENERAL, LWSSO
from sitescope_fo.console.view.preferences.schedules import SCHEDULES

SECTIONS = (GENERAL, LWSSO, SCHEDULES, MAIL, TEMPLATES, CERTIFICATES, USERS, TOKENS, SECRETS, ACKS, DOWNTIMES, CONSOLE)
