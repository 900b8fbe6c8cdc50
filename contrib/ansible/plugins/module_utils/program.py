# Copyright: the linkaudit authors
# SPDX-License-Identifier: Apache-2.0
"""Runs linkaudit for the modules and reads its JSON."""

import json

EXECUTABLE_OPTIONS = {
    "executable": {"type": "str", "default": "linkaudit"},
    "root": {"type": "path"},
    "systemd_release": {"type": "int"},
}


class Program:
    """The linkaudit program on the managed host.

    module is an AnsibleModule with EXECUTABLE_OPTIONS. If the program fails, every method
    ends the module with the program's message.
    """

    def __init__(self, module):
        self.module = module
        self.path = module.get_bin_path(module.params["executable"], required=True)

    def document(self, command, options, schema, names=()):
        """Run a command that prints JSON, and return the JSON.

        options and then names follow those of EXECUTABLE_OPTIONS. Exit status 1 means
        that there are findings; it is not a failure.
        """
        args = [self.path, command] + self._common() + options + ["--"] + list(names)
        # The program's JSON is UTF-8 in every locale. A device called $HOME is not a
        # variable.
        rc, out, err = self.module.run_command(args, expand_user_and_vars=False)
        try:
            doc = json.loads(out) if out else None
        except ValueError:
            doc = None
        if rc not in (0, 1):
            self._fail(args, rc, out, err, doc)
        if not isinstance(doc, dict) or doc.get("schema") != schema:
            self.module.fail_json(
                msg="%s printed no %s: is it a linkaudit that this collection supports?" % (self.path, schema),
                cmd=args, rc=rc, stdout=out, stderr=err)
        return doc

    def _common(self):
        options = []
        if self.module.params["root"]:
            options.append("--root=" + self.module.params["root"])
        if self.module.params["systemd_release"] is not None:
            options.append("--systemd-release=%d" % self.module.params["systemd_release"])
        return options

    def _fail(self, args, rc, out, err, doc):
        said = err.strip()
        if not said:
            how = "was killed by signal %d" % -rc if rc < 0 else "failed with exit status %d" % rc
            said = "%s %s without a message" % (self.path, how)
        # The JSON also reports a change that was only partly made.
        changed = bool(doc) and is_changed(doc)
        self.module.fail_json(msg=said, changed=changed, cmd=args, rc=rc, stdout=out, stderr=err)


def is_changed(doc):
    """Whether the document of a fix or undo has changes of files or addresses."""
    return bool(doc.get("changed") or doc.get("addresses"))
