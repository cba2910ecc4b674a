"""A screen for a program that draws on a terminal: as much of a VT100 as ncurses uses for TERM=vt100."""
import re

_TOKEN = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\x1b[()][A-Z0-9]|\x1b[78=>MHDEc]|(.)", re.DOTALL)


class Screen:
    def __init__(self, rows=25, columns=80):
        self.rows, self.columns = rows, columns
        self.row = self.column = 0
        self.cells = [[" "] * columns for _ in range(rows)]

    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]

    def feed(self, text):
        for arguments, final, plain in _TOKEN.findall(text):
            if final:
                self._control(arguments, final)
            elif plain:
                self._plain(plain)
        return self

    def _plain(self, c):
        if c == "\r":
            self.column = 0
        elif c == "\n":
            self.row = min(self.row + 1, self.rows - 1)
        elif c == "\b":
            self.column = max(self.column - 1, 0)
        elif c >= " ":
            if self.column >= self.columns:
                self.column, self.row = 0, min(self.row + 1, self.rows - 1)
            self.cells[self.row][self.column] = c
            self.column += 1

    def _control(self, arguments, final):
        numbers = [int(n) if n.isdigit() else 0 for n in arguments.split(";")]
        first = max(numbers[0], 1)
        if final in "Hf":
            self.row = min(first, self.rows) - 1
            self.column = min(max(numbers[1] if len(numbers) > 1 else 1, 1), self.columns) - 1
        elif final == "A":
            self.row = max(self.row - first, 0)
        elif final == "B":
            self.row = min(self.row + first, self.rows - 1)
        elif final == "C":
            self.column = min(self.column + first, self.columns - 1)
        elif final == "D":
            self.column = max(self.column - first, 0)
        elif final == "K":
            begin, end = [(self.column, self.columns), (0, self.column + 1), (0, self.columns)][numbers[0]]
            self.cells[self.row][begin:end] = [" "] * (min(end, self.columns) - begin)
        elif final == "J":
            begin, end = [(self.row, self.rows), (0, self.row + 1), (0, self.rows)][numbers[0]]
            for row in range(begin, end):
                self.cells[row] = [" "] * self.columns
