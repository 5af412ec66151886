"""Every place in the product that writes durably is on the way of some crash point, or is named here with its reason.

A new writer without a crash point fails this test.
"""

import ast
from pathlib import Path

from tests.crash.life import LIFE, told
from tests.crash.steps import PRODUCT

DISK = {"create", "write", "fsync", "replace", "fsync_dir", "symlink", "unlink", "mkdir", "sync_all"}
"""Steps, when they are asked of a disk."""
METHODS = {"unlink", "rename", "rmdir", "touch", "write_text", "write_bytes", "symlink_to", "hardlink_to"}
FUNCTIONS = {
    "write_atomic",
    "temp_file",
    "flip_link",
    "make_private_dir",
    "remove_tree",
    "rmtree",
    "copytree",
    "copyfile",
    "copy2",
}
LAYERS = ("engine", "failover", "mirror", "node", "notify", "security", "store")
NEVER = "tests of its own, with real sockets or before there is a node"
MENDS = "only after damage: tests/store and tests/node make it"
RUBBISH = "takes away or makes what is mostly gone or there already; what it calls has its crash points"
OWN = "needs a large tree, many mirrors, an old day or a full log: tests/mirror, tests/store and tests/node stop it at each step"
ELSEWHERE = {
    NEVER: {
        "node.demo_story._mirror: write_text", "security.certificate.settle_pair: fsync_dir",
        "security.certificate.settle_pair: replace", "security.certificate.write_pair: make_private_dir",
        "security.certificate.write_pair: write_atomic", "security.certificate_store.put_trusted: make_private_dir",
        "security.certificate_store.put_trusted: write_atomic", "security.certificate_store.remove_server: unlink",
        "security.certificate_store.remove_trusted: unlink", "security.keys.save_keys: make_private_dir",
        "security.local_socket._clear: unlink", "security.local_socket._forget_folder: rmdir",
        "security.local_socket.bind_local: make_private_dir", "security.local_socket.bind_local: write_atomic",
        "security.local_socket.remove: rmdir", "security.local_socket.remove: unlink",
        "store.home_create._create_beside: fsync_dir", "store.home_create._create_beside: make_private_dir",
        "store.home_create._create_beside: remove_tree", "store.home_create._create_beside: replace",
        "store.home_create._fill: make_private_dir", "store.home_create._fill: write_atomic",
        "store.zips.extract_zip: make_private_dir", "store.zips.extract_zip: temp_file",
    },
    MENDS: {
        "store.cells.set_aside: fsync_dir", "store.cells.set_aside: replace", "store.results._set_aside: rename",
        "store.files.flip_link: unlink", "store.files.temp_file: unlink", "store.files.sweep_temps: unlink",
        "store.leftovers.sweep_home: unlink", "mirror.history._write: unlink", "mirror.staging.clean_staging: remove_tree",
        "mirror.staging.drop: remove_tree",
    },
    RUBBISH: {
        "mirror.generations._discard: make_private_dir", "mirror.generations._discard: remove_tree",
        "mirror.generations.lay_out: make_private_dir", "mirror.generations.lay_out: remove_tree",
        "mirror.generations.retire_working: make_private_dir", "mirror.generations.retire_working: remove_tree",
        "mirror.generations.unpin: remove_tree", "mirror.laying.lay_root: make_private_dir",
        "mirror.shrink.forget_staged: remove_tree", "node.last_good.keep_last_good: remove_tree",
        "node.profile_edits.edit_current: remove_tree", "security.accounts.write_accounts: make_private_dir",
        "security.secrets.write: make_private_dir", "store.edit_apply.move_away: make_private_dir",
        "store.edited_copy.keep_commented: make_private_dir",
        "store.files.make_private_dir: make_private_dir", "store.results._writer: make_private_dir",
    },
    OWN: {
        "mirror.generations.clean: replace", "mirror.history.prune: unlink", "mirror.laying.settle_tree: sync_all",
        "mirror.staging._start: mkdir", "mirror.staging._start: remove_tree", "mirror.staging._start: replace",
        "mirror.staging._start: rmdir", "store.edited_copy.keep_commented: write_atomic", "store.results.retain: unlink",
        "store.textlog._rotate: unlink", "store.tree_compiled.write: make_private_dir", "store.tree_compiled.write: write_atomic",
        "store.tree_ids.write_missing_ids: write_atomic",
    },
}  # fmt: skip
"""Why a place has no crash point here, and the places."""


def _callee(call):
    """The name of what is called, when it is a durable step."""
    match call.func:
        case ast.Name(id=name) if name in FUNCTIONS:
            return name
        case ast.Attribute(attr=name) if name in FUNCTIONS | METHODS:
            return name
        case ast.Attribute(attr=name, value=ast.Name(id="disk") | ast.Attribute(attr="_disk")) if name in DISK:
            return name
        case ast.Attribute(attr="execute" | "executemany", value=_) if _statement(call).startswith(
            ("BEGIN", "COMMIT", "INSERT", "DELETE", "CREATE")
        ):
            return "sql"
    return ""


def _statement(call):
    return (
        call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str) else ""
    )


def writers():
    """(file, first line, last line, place) of every call that writes durably."""
    for layer in LAYERS:
        for path in sorted(Path(PRODUCT, layer).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            names = {}
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    names.update(dict.fromkeys(range(node.lineno, node.end_lineno + 1), node.name))
            file = str(path.relative_to(PRODUCT))
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and (what := _callee(node)):
                    yield (
                        file,
                        node.lineno,
                        node.end_lineno,
                        f"{file.removesuffix('.py').replace('/', '.')}.{names.get(node.lineno, '')}: {what}",
                    )


def test_every_durable_step_of_the_product_has_a_crash_point():
    hit = set()
    for story in LIFE:
        for point in told(story).points:
            hit |= point.lines
    missing = {place for file, first, last, place in writers() if not any((file, line) in hit for line in range(first, last + 1))}
    known = set().union(*ELSEWHERE.values())
    assert missing == known, "\n".join(sorted(missing ^ known))
