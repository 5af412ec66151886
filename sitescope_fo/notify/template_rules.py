"""What a mail template may do: print fields, choose with `if`, walk one list with `for`, and use the filters below.

Everything else of jinja2 is refused when the template is read. Without assignments, calls, arithmetic and nested loops the output
and the time of a rendering are bounded by the template's size and the data, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sitescope_fo.notify.errors import TemplateBroken

LONGEST_SOURCE = 64 * 1024
LONGEST_TEXT = 64 * 1024
FILTERS = ("default", "first", "join", "last", "length", "lower", "title", "trim", "truncate", "upper")
_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Filter,
    nodes.Keyword,
    nodes.For,
)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False, cache_size=0
    )
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    environment.globals.clear()
    environment.tests.clear()
    return environment


_ENVIRONMENT = _environment()


def compile_template(source: str, *, where: str) -> Template:
    """The template in `source`. Raises TemplateBroken, naming the line."""
    if len(source) > LONGEST_SOURCE:
        raise TemplateBroken(f"The template is longer than {LONGEST_SOURCE} characters", where=where)
    try:
        tree = _ENVIRONMENT.parse(source)
        _refuse_others(tree, where)
        return _ENVIRONMENT.from_string(tree)
    except TemplateSyntaxError as error:
        raise TemplateBroken(f"The template cannot be read: {error.message}", where=f"{where}:{error.lineno}") from error


def _refuse_others(tree: nodes.Template, where: str) -> None:
    for node, loops in _walk(tree, 0):
        if not isinstance(node, _ALLOWED):
            raise TemplateBroken(
                f"A mail template cannot use {type(node).__name__.lower()}",
                where=f"{where}:{node.lineno}",
                hint=f"Fields, if, one level of for, and the filters {', '.join(FILTERS)}",
            )
        if isinstance(node, nodes.For) and (loops or node.recursive):
            raise TemplateBroken("Loops of a mail template cannot be nested", where=f"{where}:{node.lineno}")
        if isinstance(node, nodes.Getattr | nodes.Name) and str(getattr(node, "attr", getattr(node, "name", ""))).startswith("_"):
            raise TemplateBroken("A field's name does not start with _", where=f"{where}:{node.lineno}")


def _walk(node: nodes.Node, loops: int) -> Iterator[tuple[nodes.Node, int]]:
    yield node, loops
    inside = loops + isinstance(node, nodes.For)
    for child in node.iter_child_nodes():
        yield from _walk(child, inside)
