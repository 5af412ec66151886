"""The engine: the single writer, the scheduler, the check runner, alerts and their ledger. anyio only."""
