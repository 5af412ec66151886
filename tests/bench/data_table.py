"""`python -m tests.bench.data_table ROWS`: the toolkit's own table with as many rows as a console shows. Ends with q."""

import sys

from textual.app import App
from textual.widgets import DataTable

COLUMNS = ("state", "name", "value", "age", "next", "group")


class Plain(App):
    """One DataTable."""

    BINDINGS = (("q", "quit", "Quit"),)

    def __init__(self, rows):
        super().__init__()
        self._rows = rows

    def compose(self):
        yield DataTable(cursor_type="row")

    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns(*COLUMNS)
        table.add_rows(("good", f"ping {row:05d}", "0.05", "5s", "15s", f"Site {row // 50:05d}") for row in range(self._rows))


if __name__ == "__main__":
    Plain(int(sys.argv[1])).run()
