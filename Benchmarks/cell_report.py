"""The tables of scripts/bench --cells: the bar, and a line for each cell, shape and thread count."""

from __future__ import annotations

import cell_shapes as shapes
from bar import Figure, Verdict, verdict
from processes import OURS
from report import identity_lines, milliseconds, said, table

SIBLING, TORCH, COMPILED = "sibling", "torch", "torch.compile"
ONE_BY_ONE, NODE_BY_NODE = "one tree at a time", "torch, node by node"
COLUMNS = ["cell", "H", "threads", "beside", "products", "ours ms", "spread", "its ms", "per product", "", "torch ms",
           "faster", "", "compiled ms", "faster"]
WIDTHS = [-23, 4, 7, 6, 8, 9, 6, 9, 11, 7, 9, 6, 7, 11, 6]


def median(row: dict, name: str = OURS) -> float:
    return row["times"][name]["median"]


def label(row: dict) -> str:
    size = "" if "forest" in row else f" H {hidden(row)}"
    return f"{row.get('cell') or row['forest']}{size}, {row['threads']} thread{'s' * (row['threads'] > 1)}"


def hidden(row: dict) -> int:
    return row["shape"][2]


def per_product(row: dict) -> float:
    """Our time per multiply-add, as a multiple of the sibling's."""
    return median(row) / median(row, SIBLING) / row["products"]


def faster(row: dict, than: str) -> float:
    return median(row, than) / median(row)


def spread(row: dict) -> str:
    own = row["times"][OURS]
    return f"{(own['q3'] - own['q1']) / own['median']:.0%}{'*' if row['disturbed'] else ''}"


def near(row: dict) -> bool:
    return per_product(row) <= shapes.per_product_bar(row["cell"], hidden(row))


def met(is_met: bool) -> str:
    return "met" if is_met else "not met"


def columns(row: dict) -> list[str]:
    """A measured cell's columns, as in `COLUMNS`."""
    ratio, loop = per_product(row), faster(row, TORCH)
    compiled = ["", ""]
    if COMPILED in row["times"]:
        compiled = [milliseconds(median(row, COMPILED)), f"{faster(row, COMPILED):.2f}"]
    elif COMPILED in row["refused"]:
        compiled = ["fails", ""]
    return [
        row["cell"], str(hidden(row)), str(row["threads"]), row["sibling"], f"{row['products']:.2f}",
        milliseconds(median(row)), spread(row), milliseconds(median(row, SIBLING)), f"{ratio:.2f}",
        met(near(row)), milliseconds(median(row, TORCH)), f"{loop:.2f}",
        met(loop >= shapes.FASTER_THAN_TORCH[hidden(row)]), *compiled,
    ]  # fmt: skip


def aligned(cells: list[str]) -> str:
    return " ".join(f"{cell:{'<' if width < 0 else '>'}{abs(width)}}" for cell, width in zip(cells, WIDTHS)).rstrip()


def head_line() -> str:
    return aligned(COLUMNS)


def forest_text(row: dict) -> str:
    others = [
        f"{name} {milliseconds(median(row, name))} ms, {ratio:.1f}×; {met(ratio >= shapes.FOREST_FASTER)}"
        for name, ratio in ((name, faster(row, name)) for name in (ONE_BY_ONE, NODE_BY_NODE))
    ]
    return (
        f"{shapes.TREES} trees of {shapes.LEAVES} leaves, I {shapes.TREE_INPUTS}, H {shapes.TREE_HIDDEN}, {label(row)}: "
        f"all at once {milliseconds(median(row))} ms (spread {spread(row)}), {', '.join(others)}"
    )


def text_line(row: dict) -> str:
    if "differs" in row:
        return f"{label(row)}: differs in {row['differs']}"
    return forest_text(row) if "forest" in row else aligned(columns(row))


def differing(rows: list[dict]) -> list[str]:
    return [f"{label(row)}: {row['differs']}" for row in rows if "differs" in row]


def failures(rows: list[dict]) -> list[str]:
    """What torch.compile could not do."""
    return [f"{label(row)}: {reason}" for row in rows for reason in row["refused"].values()]


def evaluate(rows: list[dict]) -> list[Verdict]:
    """All rows of the bar."""
    timed = [row for row in rows if "times" in row]
    cells = [row for row in timed if "cell" in row]
    verdicts = []
    beside = "time of LSTM, GRU or RNN per product"
    sizes = sorted(shapes.PER_PRODUCT, reverse=True)

    def ours(chosen: list[dict]) -> list[Figure]:
        return [Figure(label(row), per_product(row), near(row)) for row in chosen]

    for size in sizes:
        own = [row for row in cells if hidden(row) == size and row["cell"] not in shapes.NEAR_LSTM]
        bound = f"at most {shapes.PER_PRODUCT[size]}×"
        verdicts.append(verdict(f"cells, H {size}", beside, bound, ours(own), lowest=False))
    near_lstm = [row for row in cells if row["cell"] in shapes.NEAR_LSTM]
    bound = f"at most {shapes.NEAR_LSTM_PER_PRODUCT}×"
    verdicts.append(verdict("peepholes, coupled gates", beside, bound, ours(near_lstm), lowest=False))
    for size in sizes:
        bar, own = shapes.FASTER_THAN_TORCH[size], [row for row in cells if hidden(row) == size]
        figures = [Figure(label(row), faster(row, TORCH), faster(row, TORCH) >= bar) for row in own]
        verdicts.append(verdict(f"cells, H {size}", "the same equations in torch", f"{bar:g}×", figures))
    for other in (ONE_BY_ONE, NODE_BY_NODE):
        forests = [(row, faster(row, other)) for row in timed if "forest" in row]
        figures = [Figure(label(row), ratio, ratio >= shapes.FOREST_FASTER) for row, ratio in forests]
        verdicts.append(verdict("forests at once", other, f"{shapes.FOREST_FASTER:g}×", figures))
    return verdicts


def summary_lines(run: dict) -> list[str]:
    """What is printed at the end."""
    lines = ["The bar"]
    for found in evaluate(run["results"]):
        if found.met is not None:
            lines.append(f"  {said(found):8} {found.what}; {found.at_least} {found.against}: {found.figure}")
    for title, texts in (("Differ from torch", differing(run["results"])), ("Not compiled", failures(run["results"]))):
        if texts:
            lines += [title, *(f"  {text}" for text in texts)]
    return lines


def markdown(run: dict) -> str:
    """The results as a part of docs/benchmarks-cells.md."""
    rows = run["results"]
    verdicts = [[v.what, v.against, v.at_least, v.figure, said(v)] for v in evaluate(rows)]
    lines = [f"`{run['command']}`", "", "```", *identity_lines(run), "```", ""]
    lines += ["### The bar", "", *table(["what", "against", "at least", "figure", ""], verdicts), ""]
    for title, texts in (("Differ from torch", differing(rows)), ("Not compiled", failures(rows))):
        if texts:
            lines += [f"### {title}", "", *(f"- {text}" for text in texts), ""]
    lines += ["### Forests", "", *(f"- {text_line(row)}" for row in rows if "forest" in row), ""]
    lines += ["### All cells", "", *table(COLUMNS, [columns(row) for row in rows if "cell" in row and "times" in row])]
    return "\n".join(lines)


def missing(run: dict) -> list[str]:
    """Rows that a run lacks; the documentation takes complete runs only."""
    there = {(row.get("cell"), row.get("forest"), hidden(row) if "cell" in row else 0, row["threads"])
             for row in run["results"] if "times" in row}
    wanted = {(cell, None, shape.H, int(count)) for cell in shapes.CELLS for shape in shapes.SHAPES
              for count in run["machine"]}
    wanted |= {(None, cell, 0, int(count)) for cell in shapes.FORESTS for count in run["machine"]}
    found = sorted(wanted - there, key=str)
    return [f"{cell or 'the forest of ' + str(forest)} with {threads}" for cell, forest, _, threads in found]
