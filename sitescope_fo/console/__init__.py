"""The console: an operator's home in the terminal. The only package that knows the terminal toolkit; `view` does not."""
