"""Puts object code into the wheel, so that a fresh install trains without compiling first.

`FASTBP_KERNELS` says for which processors: nothing or `host` (that of this machine, and only what trains one network:
less than a minute), `all` (what a release has), `none`, or one of fastbp/compiler/targets.py, `x86-64-v3` say. An
editable install has none: its sources change.
"""

import os
import subprocess
import sys
import tempfile

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACE = "fastbp/compiler/shipped"


class KernelsHook(BuildHookInterface):
    """Compiles kernels before a wheel is packed, in processes of their own."""

    def initialize(self, version, build_data):
        wanted = os.environ.get("FASTBP_KERNELS") or "host"
        if version == "editable" or wanted == "none":
            return
        self._folder = tempfile.TemporaryDirectory()
        command = [sys.executable, "-m", "fastbp.cli.shipping", self._folder.name, wanted]
        try:
            subprocess.run(command, cwd=self.root, check=True)
        except subprocess.CalledProcessError:
            if wanted != "host":
                raise
            self.app.display_warning("No kernels could be compiled: the first training will do so.")
            return
        build_data["force_include"][self._folder.name] = PLACE

    def finalize(self, version, build_data, artifact_path):
        if hasattr(self, "_folder"):
            self._folder.cleanup()
