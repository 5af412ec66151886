"""Answers about the past."""

DAY = "2026-11-22T"
HISTORY = {
    "path": "Web/Home",
    "profile": "",
    "from": DAY + "06:00:00.000Z",
    "to": DAY + "12:00:00.000Z",
    "name": "round_trip_time",
    "unit": "s",
    "names": ["round_trip_time"],
    "points": [
        {"at": DAY + "06:00:00.000Z", "min": 0.1, "max": 0.1, "last": 0.1, "status": "good", "results": 3},
        {"at": DAY + "08:00:00.000Z", "min": None, "max": None, "last": None, "status": "error", "results": 1},
        {"at": DAY + "10:00:00.000Z", "min": 0.2, "max": 3.1, "last": 0.2, "status": "good", "results": 2},
    ],
    "thresholds": [],
    "states": [{"from": DAY + "06:00:00.000Z", "to": DAY + "12:00:00.000Z", "status": "good"}],
    "blind": [{"from": DAY + "07:00:00.000Z", "to": DAY + "08:00:00.000Z"}],
    "overlaps": [{"from": DAY + "09:00:00.000Z", "to": None, "why": "the cut was healed"}],
    "alerts": [{"at": DAY + "08:00:01.000Z", "name": "tell", "to": "ops@x", "status": "error", "outcome": "sent"}],
    "cut": DAY + "06:00:00.000Z",
}
STEPS = [
    {
        "at": DAY + "11:00:00.000Z",
        "from": "grace",
        "to": "activating",
        "why": "silent for 3 min",
        "term": 2,
        "evidence": [{"at": DAY + "10:59:59.000Z", "kind": "miss_timeout", "what": "no answer within 5 s"}],
    }
]
LOGS = [{"name": "error", "bytes": 2048, "from": DAY + "10:00:00.000Z", "to": ""}]
