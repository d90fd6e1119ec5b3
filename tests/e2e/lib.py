"""What the end-to-end tests share: running the demo's processes, checks that say what failed."""
import argparse
import json
import os
import random
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools", "run"))
import demo  # noqa: E402

SHARED = os.environ.get("OCTOPUS_SHARED", os.path.join(ROOT, "..", "shared"))
BUILD = os.environ.get("OCTOPUS_BUILD", os.path.join(ROOT, "build", "release"))
LONG = os.environ.get("OCTOPUS_LONG", "0") == "1"
SEED = int(os.environ.get("OCTOPUS_SEED", "1"))
AAPL = os.path.join(SHARED, "data", "nasdaq-itch50-aapl-20191230-0935-20k-derived")
AAPL_FILE = os.path.join(AAPL, "aapl_20191230_0935_first20000.itch50.xz")


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(77)


def need(path):
    """Skips without the recording's folder; a folder without its file is a fault."""
    if os.path.exists(path):
        return
    if os.path.isdir(os.path.dirname(path)):
        check(False, f"{os.path.basename(path)} is in its folder")
    else:
        skip(f"{os.path.basename(path)} is not here: recorded sessions are beside the project's root, in shared/data")


def check(ok, what):
    if not ok:
        print(f"FAILED: {what}")
        sys.exit(1)
    print(f"ok: {what}")


def args(**kw):
    base = dict(session=None, symbols=None, pace="max", seed=1, faults=None, profile="demo", duration=None,
                json=None, set=None, keep=False, no_control=True, build=BUILD)
    base.update(kw)
    return argparse.Namespace(**base)


def run_demo(**kw):
    """Runs a whole demo; returns its summary and exit status. Its output goes to our standard error."""
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"octopus-e2e-{os.getpid()}-{random.getrandbits(32):x}.json")
    a = args(json=path, **kw)
    status = demo.demo(a)
    summary = None
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            summary = json.load(f)
        os.unlink(path)
    return summary, status


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def have(cmd):
    return subprocess.run(["sh", "-c", f"command -v {cmd}"], stdout=subprocess.DEVNULL, check=False).returncode == 0


TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def violations(value, schema, root=None, at="$"):
    """Where a value breaks a JSON schema, for the words that docs/summary.schema.json uses."""
    root = root or schema
    if "$ref" in schema:
        return violations(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, at)
    kind = TYPES.get(schema.get("type"), object)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return [f"{at}: {value!r} is no {schema['type']}"]
    out = [f"{at}: no {k}" for k in schema.get("required", []) if k not in value]
    if "enum" in schema and value not in schema["enum"]:
        out.append(f"{at}: {value!r} is none of {schema['enum']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        out.append(f"{at}: {value!r} does not look like {schema['pattern']}")
    if "minimum" in schema and value < schema["minimum"]:
        out.append(f"{at}: {value} is below {schema['minimum']}")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            out.append(f"{at}: {len(value)} items")
        for i, v in enumerate(value):
            out += violations(v, schema.get("items", {}), root, f"{at}[{i}]")
    if isinstance(value, dict):
        for k, v in value.items():
            sub = schema.get("properties", {}).get(k, schema.get("additionalProperties", {}))
            out += violations(v, sub, root, f"{at}.{k}")
    return out
