"""The command line. `main` imports nothing heavy; each command's module is imported when it is used."""
