#!/usr/bin/python3
"""What the node's JSON says, for the scenarios: ask.py QUESTION [ARGUMENT…] < JSON.

decided         succeeds when there is a study, and every series of every study has its
                reason and no job that still has to end
reasons         one line per series: UID, modality, instances, reason
"""
import json
import sys


def studies(answer):
    return answer["studies"] if isinstance(answer, dict) else answer


def series(answer):
    for study in studies(answer):
        for one in study.get("series", []):
            yield one


def decided(answer):
    every = list(series(answer))
    open_ones = [one for one in every
                 if not one.get("reason") or one.get("state") in ("queued", "running")]
    return bool(every) and not open_ones


def reasons(answer):
    for one in series(answer):
        print(one["series_uid"], one["modality"], one["instances"], one["reason"], sep="\t")
    return True


if __name__ == "__main__":
    QUESTIONS = {"decided": decided, "reasons": reasons}
    sys.exit(0 if QUESTIONS[sys.argv[1]](json.load(sys.stdin), *sys.argv[2:]) else 1)
