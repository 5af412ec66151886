"""Failover: the pure state machines of both sides, and the tasks that feed them (prober, gate, hand-back)."""
