"""The one binding table: keys, key bar, palette, help, and the keys page of the docs are made from it."""
