"""What a node can watch: one module a monitor type, the registry, threshold expressions and the runner of checks."""
