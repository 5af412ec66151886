"""What works on the page of the same name."""

from __future__ import annotations

from sitescope_fo.console.actions.action import Action

FAILOVER: tuple[Action, ...] = ()
