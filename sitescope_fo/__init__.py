"""SiteScope FO: infrastructure monitoring that survives its own server."""

__version__ = "0.1.0"
