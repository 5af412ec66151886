"""The failover's copy of a primary: manifest, pull, generations, history. See docs/mirroring.md."""
