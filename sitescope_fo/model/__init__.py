"""The shared vocabulary: frozen values, facts, commands, effects and ports. No I/O, no clock."""
