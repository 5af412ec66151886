"""View models: what the console shows, as plain values. Neither textual nor rich is imported here."""
