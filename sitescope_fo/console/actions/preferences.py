"""What works on the page of the same name. One key means the same in every section."""

from __future__ import annotations

from sitescope_fo.console.actions.action import Action

PREFERENCES: tuple[Action, ...] = (
    Action(
        id="preferences.edit",
        keys=("e", "enter"),
        name="Edit",
        help="Change what the cursor is on: a setting, a schedule, the mail server, a template, a password, a secret.",
        bar=1,
        command="config set, lwsso set, schedule edit, mail set, mail template set, user passwd, secret set",
        changes=True,
    ),
    Action(
        id="preferences.new",
        keys=("n",),
        name="New",
        help="Add a schedule, certificate, user, token, secret or downtime to the section that is shown.",
        bar=2,
        command="schedule add, cert create, cert import, cert fetch, user add, token add, secret set, downtime add",
        changes=True,
    ),
    Action(
        id="preferences.remove",
        keys=("x", "delete"),
        name="Remove",
        help="Remove what the cursor is on: end a downtime, revoke a token, put a built-in template back.",
        bar=3,
        command="schedule remove, cert remove, user remove, token revoke, secret remove, downtime end, ack --remove, "
        "mail template reset",
        changes=True,
    ),
    Action(
        id="preferences.test",
        keys=("t",),
        name="Test",
        help="Try it: send a test message, render a template, ask the other nodes for the passphrase, check this node.",
        bar=4,
        command="mail test, mail template preview, lwsso check, check, config validate",
    ),
    Action(
        id="preferences.reload",
        keys=("r",),
        name="Read again",
        help="Let the node read its configuration files again, after they were edited by hand.",
        command="config reload",
        changes=True,
    ),
    Action(
        id="preferences.open",
        keys=("enter", "right"),
        name="Open",
        help="Go into the section under the cursor; Esc goes back to the list.",
        bar=5,
        command="license show, lwsso show, schedule list, schedule show, mail show, mail template show, cert list, user list, "
        "token list, secret list, downtime list",
    ),
)
