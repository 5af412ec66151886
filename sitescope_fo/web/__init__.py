"""HTTP: the doors for peers and for operators, and the server that holds them open."""
