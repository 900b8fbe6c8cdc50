# Copyright: the linkaudit authors
# SPDX-License-Identifier: Apache-2.0
"""The documentation of the options that all modules have."""


class ModuleDocFragment:
    """Goes with EXECUTABLE_OPTIONS in module_utils/program.py."""

    DOCUMENTATION = r"""
options:
  executable:
    description:
      - The program on the managed host. A path, or a name in C(PATH), C(/sbin), C(/usr/sbin)
        or C(/usr/local/sbin).
    type: str
    default: linkaudit
  root:
    description:
      - Work on the image in this directory instead of the managed host.
    type: path
  systemd_release:
    description:
      - Read .link files as this release of systemd does, instead of the installed one.
    type: int
"""
