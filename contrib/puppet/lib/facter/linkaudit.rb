# frozen_string_literal: true

require_relative '../puppet_x/linkaudit/audit'

# The result of "linkaudit check" on this machine; absent if linkaudit is not
# installed. README.md lists its fields.
Facter.add(:linkaudit) do
  confine kernel: 'Linux'
  setcode { PuppetX::Linkaudit::Audit.fact }
end
