"""Durable files: atomic writes, the configuration tree, state cells, daily result logs, archives."""
