# Copyright: the linkaudit authors
# SPDX-License-Identifier: Apache-2.0
"""The options that all modules have, for their documentation."""


class ModuleDocFragment:
    """Goes with EXECUTABLE_OPTIONS in module_utils/program.py."""

    DOCUMENTATION = r"""
options:
  executable:
    description:
      - The program on the managed host, a path or a name that is found in C(PATH) and
        in C(/sbin), C(/usr/sbin) and C(/usr/local/sbin).
    type: str
    default: linkaudit
  root:
    description:
      - Work on the image below this directory, not on the managed host itself.
    type: path
  systemd_release:
    description:
      - Read .link files as a host with this release of systemd does, not as the one
        that is installed does.
    type: int
"""
