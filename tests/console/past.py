"""What a node tells of one monitor: its sheet and its past, made up the same each time."""

import math

from tests.console.fakes import NOW, stamp

HOURS = {"1h": 1, "6h": 6, "1d": 24, "7d": 168}


def sheet(row, **changes):
    """The answer of `monitor`."""
    return {
        **row,
        "config": {
            "timeout": "10s",
            "verify_error": True,
            "settings": {"url": "https://shop.example/checkout", "match": "Welcome", "headers": ["Accept: */*"]},
        },
        "depends": "Network/Gateway ping",
        "dependencies": [
            {"path": "Network/Gateway ping", "status": "good", "needs": "good"},
            {"path": "Network/Core switch", "status": "error", "needs": "good"},
        ],
        "alerts": [{"name": "mail ops", "on": "error", "when": "once after 3"}],
        "last": [
            {"wall": NOW - 60 * ago, "status": "good" if ago > 2 else "error", "state_string": f"result {ago}", "values": {}}
            for ago in range(9, -1, -1)
        ],
        "hanging_s": None,
        "thresholds": [
            {
                "level": "error",
                "expression": "round_trip_time > 2s",
                "holds": True,
                "text": "round_trip_time (2.4 s) > 2s",
                "values": {"round_trip_time": 2.4},
            },
            {
                "level": "warning",
                "expression": "status != 200",
                "holds": False,
                "text": "status (200) != 200",
                "values": {"status": 200},
            },
            {"level": "warning", "expression": "size < 10", "holds": None, "text": "size < 10", "values": {"size": None}},
        ],
        "values": [
            {"name": "round_trip_time", "value": 2.4, "unit": "s"},
            {"name": "status", "value": 200},
            {"name": "content_match", "value": "no"},
        ],
        "error_frequency_s": 20.0,
        "because": "round_trip_time > 2s",
        "duration_s": 2.41,
        "since": stamp(180),
        "counts": {"error": 3},
        **changes,
    }


def history(params, **changes):
    """The answer of `monitor_history`: a wave with a peak above both thresholds, a blind window and an overlap."""
    hours = HOURS[params.get("from", "6h")]
    span, count = hours * 3600.0, 120
    blind = (0.45, 0.55)
    points = []
    for at in range(count):
        share = at / count
        if blind[0] <= share < blind[1]:
            continue
        value = 0.4 + 0.2 * math.sin(share * 20) + (2.0 if 0.8 < share < 0.86 else 0.0)
        points.append(
            {
                "at": stamp(span * (1 - share)),
                "min": value * 0.9,
                "max": value * 1.1,
                "last": value,
                "status": "error" if value > 2 else "good",
                "results": 3,
            }
        )

    def part(start, end, **more):
        return {"from": stamp(span * (1 - start)), "to": stamp(span * (1 - end)), **more}

    return {
        "path": params["path"],
        "profile": "",
        **part(0, 1),
        "name": params.get("value") or "round_trip_time",
        "unit": "s",
        "names": ["round_trip_time", "dns_time"],
        "points": points,
        "thresholds": [
            {"level": "error", "expression": "round_trip_time > 2s", "op": ">", "value": 2.0},
            {"level": "warning", "expression": "round_trip_time > 800ms", "op": ">", "value": 0.8},
        ],
        "states": [
            part(0, 0.45, status="good"),
            part(0.55, 0.8, status="good"),
            part(0.8, 0.86, status="error"),
            part(0.86, 0.9, status="warning"),
            part(0.9, 1, status="good"),
        ],
        "blind": [part(*blind)],
        "overlaps": [part(0.55, 0.6, why="no message could pass both ways")],
        "alerts": [
            {"at": stamp(600), "name": "mail ops", "to": "ops@shop.example", "status": "error", "outcome": "sent"},
            {"at": stamp(60), "name": "mail ops", "to": "ops@shop.example", "status": "good", "outcome": "waiting"},
        ],
        **changes,
    }
