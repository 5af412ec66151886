"""A node: everything below composed into one primary or failover."""
