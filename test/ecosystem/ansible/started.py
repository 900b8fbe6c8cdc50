"""Ansible's commands, loaded once and run on request.

"ansible" spends a third of its time for one module on one host on reading its own code.
This reads the code once and forks for each command. A command is a line of standard
input, a JSON object with args, dir and env. Its output is in the files OUT and ERR. Its
exit status, or the signal that killed it as a negative number, is a line of standard
output. The first line there is "ready".
"""

import json
import os
import sys
import traceback

import ansible.cli.adhoc
import ansible.cli.doc
import ansible.cli.playbook
# What they would read when they run.
import ansible.executor.module_common
import ansible.executor.task_executor
import ansible.plugins.action.normal
import ansible.plugins.callback.default
import ansible.plugins.callback.minimal
import ansible.plugins.connection.ssh
import ansible.plugins.strategy.linear
import ansible.template

OUT, ERR = sys.argv[1:]
COMMANDS = {"ansible": ansible.cli.adhoc, "ansible-doc": ansible.cli.doc, "ansible-playbook": ansible.cli.playbook}


def run(args, dir, env):
    for fd, name in ((1, OUT), (2, ERR)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), fd)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.chdir(dir)
    os.environ.update(env)
    sys.argv = args
    status = 1
    try:
        status = COMMANDS[args[0]].main()
    except SystemExit as e:
        status = e.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    # Other cleanup is for the parent, which goes on.
    os._exit(status or 0)


print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(**json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
