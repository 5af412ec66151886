"""config.toml: the settings of one node. One table of fields makes reading, writing and `config show/set`."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from importlib import resources

import msgspec

from sitescope_fo.model.config import NodeConfig, OnHangup
from sitescope_fo.model.duration import format_duration
from sitescope_fo.model.errors import Usage
from sitescope_fo.model.status import Role
from sitescope_fo.store.edit_text import set_key
from sitescope_fo.store.files import REAL, Disk, read_bytes_limited, write_atomic
from sitescope_fo.store.ha_config import load_ha_config, save_ha_config
from sitescope_fo.store.home_paths import Home
from sitescope_fo.store.toml_reader import MAX_FILE_BYTES, Document, TableReader, nearest, refuse

__all__ = [
    "FIELDS",
    "check_node_value",
    "load_ha_config",
    "load_node_config",
    "node_config_text",
    "save_ha_config",
    "set_node_value",
    "show_value",
]

_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB|TiB)?")
_UNITS = {"": 1, "B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}


class Kind(msgspec.Struct, frozen=True):
    """What a setting may be: how it is read, and for people the range, or the words there are."""

    read: Callable[[TableReader, str, object], object]
    range: str = ""
    choices: tuple[str, ...] = ()


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One setting: where it stands in the file, which field of NodeConfig it is, what it may be and how it is shown."""

    section: str
    key: str
    field: str
    help: str
    kind: Kind
    show: Callable[[object], object] = lambda value: value
    restart: bool = True
    """Whether a running node must be restarted to use a new value."""

    @property
    def name(self) -> str:
        """`web.port`."""
        return f"{self.section}.{self.key}"


def _integer(least: int, most: int) -> Kind:
    return Kind(lambda table, key, default: table.integer(key, int(str(default)), least=least, most=most), f"{least} to {most}")


def _number(least: float, most: float) -> Kind:
    return Kind(
        lambda table, key, default: table.number(key, float(str(default)), least=least, most=most), f"{least:g} to {most:g}"
    )


def _duration(least: float, most: float = 0.0, *, off: bool = False) -> Kind:
    upper = f" to {format_duration(most)}" if most else " or more"
    return Kind(
        lambda table, key, default: table.duration_s(key, float(str(default)), least=least, most=most, off=off),
        f"{format_duration(least)}{upper}{', or off' if off else ''}",
    )


def _choice(words: type[StrEnum]) -> Kind:
    return Kind(lambda table, key, default: table.choice(key, words(str(default))), choices=tuple(word.value for word in words))


_FLAG = Kind(lambda table, key, default: table.flag(key, default=bool(default)), choices=("true", "false"))


def _host(table: TableReader, key: str, default: object) -> object:
    value = table.text(key, str(default))
    if any(c.isspace() or c in "/:@" for c in value) and not re.fullmatch(r"[0-9A-Fa-f:.]+", value):
        table.problem(key, f"'{value}' is no host name", "Give a name or an address, without port or scheme")
    return value


def _bind(table: TableReader, key: str, default: object) -> object:
    addresses = table.texts(key, tuple(map(str, default)) if isinstance(default, tuple) else ())
    if not addresses:
        table.problem(key, "'bind' is empty", 'All addresses are ["0.0.0.0", "::"]')
    return addresses


def _size(table: TableReader, key: str, default: object) -> object:
    text = table.text(key, show_size(default))
    found = _SIZE.fullmatch(text.strip())
    size = int(found[1]) * _UNITS[found[2] or ""] if found and len(found[1]) < 16 else 0
    if size < 1024**2:
        table.problem(key, f"'{text}' is no size of at least 1MiB", "Write it like 500MiB or 2GiB")
        return default
    return size


def show_size(value: object) -> str:
    """`2GiB`: the largest unit that divides it."""
    size = int(str(value))
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return f"{size}B"


def _show_duration(value: object) -> object:
    return format_duration(float(str(value))) if value else "off"


FIELDS: tuple[Field, ...] = (
    Field(section="node", key="role", field="role", kind=_choice(Role), help="primary, or failover: a standby for primaries"),
    Field(
        section="node",
        key="host",
        field="host",
        kind=Kind(_host),
        help='Name this node gives its peers as its own address; "" = the host name of the system',
    ),
    Field(
        section="web",
        key="bind",
        field="bind",
        kind=Kind(_bind, "addresses parted by commas"),
        help="Addresses to listen on",
        show=lambda v: list(_items(v)),
    ),
    Field(section="web", key="port", field="port", kind=_integer(1, 65535), help="Port of the node service"),
    Field(
        section="web", key="tls", field="tls", kind=_FLAG, help="TLS with the certificate in certificates/; both nodes or none"
    ),
    Field(
        section="web",
        key="allow_plain",
        field="allow_plain",
        kind=_FLAG,
        restart=False,
        help="Let people log in without TLS from other machines too",
    ),
    Field(
        section="logs",
        key="keep",
        field="logs_keep_s",
        kind=_duration(86400.0),
        show=_show_duration,
        restart=False,
        help="How long daily result logs stay",
    ),
    Field(
        section="logs",
        key="max_size",
        field="logs_max_bytes",
        kind=Kind(_size, "1MiB or more"),
        show=show_size,
        restart=False,
        help="What they may take on disk; the oldest day goes first",
    ),
    Field(
        section="checks",
        key="max",
        field="max_checks",
        kind=_integer(1, 10000),
        restart=False,
        help="Checks in flight on the node",
    ),
    Field(
        section="checks",
        key="max_per_host",
        field="max_checks_per_host",
        kind=_integer(1, 10000),
        restart=False,
        help="Checks in flight against one host",
    ),
    Field(
        section="checks",
        key="ramp",
        field="ramp_per_s",
        kind=_number(1, 100000),
        restart=False,
        help="Most first checks a second after an activation, and of what fell due in a pause of the engine",
    ),
    Field(
        section="pair",
        key="boot_check",
        field="boot_check_s",
        kind=_duration(0.1, 600.0, off=True),
        show=_show_duration,
        help='How long a starting primary asks its failovers before it monitors; "off" = not at all',
    ),
    Field(
        section="pair",
        key="goodbye",
        field="goodbye_s",
        kind=_duration(0.1, 86400.0, off=True),
        show=_show_duration,
        restart=False,
        help="How long a plain stop asks the failovers to wait before they take over",
    ),
    Field(
        section="pair",
        key="clock_skew",
        field="clock_skew_s",
        kind=_duration(1.0, 900.0),
        show=_show_duration,
        help="Clock difference to a peer that is tolerated, at most 15m",
    ),
    Field(
        section="files",
        key="watch_every",
        field="watch_files_s",
        kind=_duration(0.1, 3600.0),
        show=_show_duration,
        restart=False,
        help="How often configuration files are looked at for changes",
    ),
    Field(
        section="console",
        key="on_hangup",
        field="on_hangup",
        kind=_choice(OnHangup),
        restart=False,
        help="What the node of a console does when the terminal goes away: detach (monitoring goes on) or stop",
    ),
)


def _items(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else ()


def show_value(config: NodeConfig, field: Field) -> object:
    """The value of a field as it is written in the file."""
    value = field.show(getattr(config, field.field))
    return value.value if isinstance(value, StrEnum) else value


def node_config_text(config: NodeConfig) -> str:
    """A whole commented config.toml with these values: the documented default, changed where they differ."""
    text = (resources.files("sitescope_fo") / "_data" / "config.toml").read_text("utf-8")
    defaults = NodeConfig()
    for field in FIELDS:
        if getattr(config, field.field) != getattr(defaults, field.field):
            text = set_key(text, (field.section,), (field.key,), show_value(config, field))
    return text


def parse_node_config(content: bytes, file: str = "config.toml") -> NodeConfig:
    """The settings in `content`. Raises ConfigInvalid with every problem."""
    document = Document(file, content)
    top = document.reader()
    defaults = NodeConfig()
    tables: dict[str, TableReader] = {}
    values: dict[str, object] = {}
    for field in FIELDS:
        table = tables.setdefault(field.section, top.sub(field.section))
        values[field.field] = field.kind.read(table, field.key, getattr(defaults, field.field))
    for table in (*tables.values(), top):
        table.finish()
    if document.problems:
        raise refuse(document.problems, "config.toml is invalid", file)
    return msgspec.structs.replace(defaults, **values)


def load_node_config(home: Home) -> NodeConfig:
    """config.toml of a home. Raises ConfigInvalid with every problem, OSError when it cannot be read."""
    return parse_node_config(read_bytes_limited(home.config, MAX_FILE_BYTES))


def set_node_value(home: Home, key: str, text: str, disk: Disk = REAL) -> Field:
    """Writes one setting and returns its field (which says whether a restart is needed); comments stay.

    `key` is `web.port` or, where it is unique, `port`; `text` as typed (`9000`, `true`, `40d`, `0.0.0.0,::`). Raises Usage
    (`not_found`) for an unknown key, ConfigInvalid for a bad value; the file is then untouched.
    """
    field = _field(key)
    content = read_bytes_limited(home.config, MAX_FILE_BYTES)
    parse_node_config(content)
    changed = set_key(content.decode(), (field.section,), (field.key,), _typed(field, text)).encode()
    parse_node_config(changed)
    write_atomic(home.config, changed, disk=disk)
    return field


def check_node_value(key: str, text: str) -> None:
    """Whether `set_node_value` would take it, without a file. Raises Usage and ConfigInvalid as it does."""
    field = _field(key)
    parse_node_config(set_key("", (field.section,), (field.key,), _typed(field, text)).encode())


def _field(key: str) -> Field:
    found = [f for f in FIELDS if key in {f.name, f.key}]
    if len(found) != 1:
        raise Usage(
            f"There is no setting '{key}'",
            where="config.toml",
            hint=nearest(key, [f.name for f in FIELDS]) or "List them with: sitescope-fo config show",
            code="not_found",
        )
    return found[0]


def _typed(field: Field, text: str) -> object:
    """`text` in the kind that the field has in the file; a text that does not fit stays text, for validation to name."""
    default = show_value(NodeConfig(), field)
    word = text.strip()
    if isinstance(default, bool):
        return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(word.lower(), word)
    if isinstance(default, list):
        return [part.strip() for part in word.split(",") if part.strip()]
    if isinstance(default, int | float):
        try:
            return int(word) if re.fullmatch(r"[+-]?\d{1,18}", word) else float(word)
        except ValueError:
            return word
    return word
