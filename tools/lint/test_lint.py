#!/usr/bin/env python3
"""The lint finds what it is there to find, and leaves alone what is right."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lint  # noqa: E402


class Tree(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def put(self, path, text):
        full = os.path.join(self.dir.name, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)

    def run_check(self, name, archives=()):
        return lint.CHECKS[name](self.dir.name, argparse.Namespace(archives=list(archives)))

    def found(self, name, *want):
        got = self.run_check(name)
        self.assertEqual(len(got), len(want), got)
        for w in want:
            self.assertTrue(any(w in g for g in got), f"{w} not in {got}")

    def test_a_border_crossed_is_found(self):
        self.put("dataplane/lane/lane.h", "")
        self.put("dataplane/base/px.h", "")
        self.put("agents/risk/risk.c", '#include "dataplane/lane/lane.h"\n#include "dataplane/base/px.h"\n')
        self.found("includes", "agents/risk/risk.c:1: agents/risk must not include dataplane/lane")

    def test_agents_do_not_include_each_other(self):
        self.put("agents/risk/risk.h", "")
        self.put("agents/strategy/s.c", '#include "agents/risk/risk.h"\n')
        self.found("includes", "agents/strategy must not include agents/risk")

    def test_an_own_module_and_tests_are_free(self):
        self.put("drivers/nic/uring/uring.h", "")
        self.put("drivers/nic/fault/fault.c", '#include "drivers/nic/uring/uring.h"\n')
        self.put("tests/unit/drivers/t.c", '#include <criterion/criterion.h>\n#include "drivers/nic/uring/uring.h"\n')
        self.put("bench/b.c", '#include "drivers/nic/uring/uring.h"\n#include <rte_ring.h>\n')
        self.found("includes")

    def test_nothing_includes_tests_or_the_match(self):
        self.put("tests/unit/x.h", "")
        self.put("dataplane/match/match.h", "")
        self.put("dataplane/lane/a.c", '#include "tests/unit/x.h"\n#include "dataplane/match/match.h"\n')
        self.found("includes", "a.c:1: dataplane/lane must not", "a.c:2: dataplane/lane must not")

    def test_third_party_headers_stay_behind_their_folder(self):
        self.put("agents/risk/a.c", "#include <jansson.h>\n#include <yaml.h>\n#include <string.h>\n")
        self.found("includes", "<jansson.h> does not belong", "<yaml.h> does not belong")

    def test_private_headers_and_own_header_first(self):
        self.put("dataplane/shm/slot_priv.h", "")
        self.put("dataplane/lane/lane.h", "")
        self.put("dataplane/lane/lane.c", '#include "dataplane/shm/slot_priv.h"\n#include "dataplane/lane/lane.h"\n')
        self.found("includes", "slot_priv.h is private", "its own header dataplane/lane/lane.h must come first")

    def test_paths_start_at_the_root(self):
        self.put("dataplane/base/a.h", "")
        self.put("dataplane/base/b.c", '#include "a.h"\n')
        self.found("includes", '"a.h" is not a path from the root')

    def test_a_header_that_needs_another_is_found(self):
        self.put("dataplane/base/good.h", "#include <stdint.h>\nstruct g {\n    uint32_t x;\n};\n")
        self.put("dataplane/base/bad.h", "struct b {\n    uint32_t x;\n};\n")
        self.found("headers", "dataplane/base/bad.h:1: does not compile alone")

    def test_floating_point_values_are_found(self):
        self.put("agents/strategy/s.c", "p = (oct_px){(int64_t)(mid * 1e9)};\nq.v = (int64_t)(double)x;\n"
                 "r = (oct_px){q.v + 5};\n/* (oct_px){1.5} */\n")
        self.found("values", "s.c:1: floating", "s.c:2: floating")

    def test_libm_on_the_decision_path_is_found(self):
        self.put("agents/risk/r.c", "double a = sqrt(b);\ndouble c = log(b);\noct_log(x);\n")
        self.put("control/web/w.c", "double c = log(b);\n")
        self.found("values", "r.c:2: log")

    def test_long_functions_need_a_reason(self):
        body = "int f(void)\n{\n" + "    x();\n" * 71 + "}\n"
        self.put("dataplane/lane/a.c", body)
        self.put("dataplane/lane/b.c", "/* Long: a dispatch table. */\n" + body)
        self.put("dataplane/lane/c.c", "int x;\n" * 801)
        self.found("shape", "a.c:2: a function of 71 lines", "c.c:801: more than 800 lines")

    def test_machine_paths_and_unfinished_business_are_found(self):
        self.put("dataplane/lane/a.c", "/* see /wo" + "rk/x and FIX" + "ME */\n")
        self.put("docs/x.md", "/ho" + "me/me/octopus\n")
        self.put("dataplane/lane/b.c", "/* a workaround for stubborn networks */\n")
        want = ("a.c:1: a path of one machine", "a.c:1: unfinished", "x.md:1: a path")
        self.found("text", *want)
        if shutil.which("git"):
            subprocess.run(["git", "init", "-q", self.dir.name], check=True)
            subprocess.run(["git", "-C", self.dir.name, "add", "."], check=True)
            self.found("text", *want)

    def test_a_hot_library_that_allocates_is_found(self):
        src = os.path.join(self.dir.name, "ring.c")
        with open(src, "w", encoding="utf-8") as f:
            f.write("#include <stdlib.h>\nvoid oct_log(int);\nvoid *oct_x(void);\nvoid *oct_x(void)\n{\n"
                    "    oct_log(1);\n    return malloc(7);\n}\n")
        obj = os.path.join(self.dir.name, "ring.c.o")
        lib = os.path.join(self.dir.name, "liboctport.a")
        subprocess.run(["cc", "-c", src, "-o", obj], check=True)
        subprocess.run(["ar", "rc", lib, obj], check=True)
        got = self.run_check("hot", [lib])
        self.assertIn("octport(ring.c): needs malloc", got)
        self.assertIn("octport(ring.c): calls oct_log, which is cold", got)


if __name__ == "__main__":
    unittest.main()
