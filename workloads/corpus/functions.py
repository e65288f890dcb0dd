"""What the two teams compute of a file. Plain functions: they know nothing of any cluster."""

from __future__ import annotations

import ast
import keyword
import re
import tokenize
from collections import Counter
from pathlib import Path

WORD = re.compile(r"[A-Za-z]{2,}")


def identifiers(path: str) -> Counter[str]:
    """How often each identifier stands in the file. A file that is no Python (some test fixtures are not) has none."""
    counts: Counter[str] = Counter()
    with Path(path).open("rb") as file:
        try:
            for token in tokenize.tokenize(file.readline):
                if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                    counts[token.string] += 1
        except (SyntaxError, UnicodeDecodeError):
            return Counter()
    return counts


def words(path: str) -> Counter[str]:
    """How often each word stands in the file, comments and strings included, in lower case."""
    return Counter(WORD.findall(Path(path).read_text(errors="replace").lower()))


def count(path: str) -> tuple[Counter[str], Counter[str]]:
    """(words, identifiers) of the file."""
    return words(path), identifiers(path)


def statistics(path: str) -> dict[str, object]:
    """Lines, functions, classes, and the longest function of the file."""
    text = Path(path).read_text(errors="replace")
    row: dict[str, object] = {"path": path, "lines": text.count("\n"), "functions": 0, "classes": 0, "longest": 0}
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return row
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    row["functions"] = len(functions)
    row["classes"] = sum(isinstance(n, ast.ClassDef) for n in ast.walk(tree))
    row["longest"] = max(((f.end_lineno or f.lineno) - f.lineno + 1 for f in functions), default=0)
    return row


def top(counters: list[Counter[str]], n: int = 20) -> list[tuple[str, int]]:
    """The `n` most frequent of all together; ties in the alphabet's order."""
    total: Counter[str] = Counter()
    for each in counters:
        total.update(each)
    return sorted(total.items(), key=lambda row: (-row[1], row[0]))[:n]
