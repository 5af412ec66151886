"""Who may speak: tokens between nodes, keys, sealed secrets, certificates, the local socket."""
