// Package ansible tests the collection in contrib/ansible with the real ansible-core on
// hosts that it reaches by ssh.
//
// A host is a set of namespaces on this machine: an overlay of its root file system, where
// no writes last, and its own devices, processes and name, with a systemd-udevd and an
// sshd. The controller, on which Ansible runs, is another one. Ansible is started once for
// all stories, and forks for each of its commands: started.py.
//
// The tests need root and the Debian packages ansible-core, iproute2,
// openssh-client, openssh-server, udev and util-linux. What "make full" runs and
// .ci/run does not also needs ansible-lint, dnf, dpkg, git, pycodestyle, python3-apt,
// python3-dnf, python3-mock, python3-pytest, python3-pytest-forked,
// python3-pytest-mock, python3-pytest-xdist, python3-voluptuous, rpm and yamllint.
// The tests are behind the build tag "ecosystem":
//
//	go test -tags ecosystem -count=1 ./test/ecosystem/ansible
package ansible
