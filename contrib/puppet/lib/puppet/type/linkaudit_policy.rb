# frozen_string_literal: true

require 'puppet/parameter/boolean'

Puppet::Type.newtype(:linkaudit_policy) do
  @doc = <<~DOC
    Sets MACAddressPolicy=none for a device or a kind of device.

    This is `linkaudit fix`. With `ensure => absent`, `linkaudit undo` takes back
    what it wrote.

    Use the defined type `linkaudit::policy`: it installs linkaudit first.
    `fix --check` or `undo --check` decides whether anything must change. If that
    fails, the resource fails, also with noop.
  DOC

  ensurable do
    desc 'Whether linkaudit must set MACAddressPolicy=none.'

    newvalue(:present) { provider.create }
    newvalue(:absent) { provider.destroy }
    defaultto :present

    # With show_diff, shows what a change would do to the files, as for a file.
    def insync?(is)
      in_sync = super
      unless in_sync
        plan = provider.plan
        send_log(:notice, plan['why']) unless plan['why'].empty?
        send_log(:notice, "\n#{plan['diff']}") if Puppet[:show_diff] && !plan['diff'].empty?
      end
      in_sync
    end

    def change_to_s(_is, should)
      should == :present ? "MACAddressPolicy=none by #{provider.path}" : "removed #{provider.path}"
    end
  end

  newparam(:name, namevar: true) do
    desc 'Any name. It is the default of target_name.'
  end

  newparam(:target) do
    desc 'What target_name is: a bond, a bridge, a device of any kind, or a kind, such as team.'
    newvalues(:bond, :bridge, :device, :kind)
    defaultto :device
  end

  newparam(:target_name) do
    desc 'The name of the device or kind.'
    defaultto { @resource[:name] }
    validate do |value|
      raise ArgumentError, "target_name must be a string, not #{value.inspect}" unless value.is_a?(String)
      raise ArgumentError, 'target_name is empty' if value.empty?
      raise ArgumentError, "target_name #{value.inspect} has a NUL byte" if value.include?("\0")
    end
  end

  newparam(:apply, boolean: true, parent: Puppet::Parameter::Boolean) do
    desc 'Also set the address of existing devices when the override is written.'
    defaultto false
  end

  newparam(:disturb, boolean: true, parent: Puppet::Parameter::Boolean) do
    desc 'With apply: also of a device that is up. This disturbs its traffic.'
    defaultto false
  end

  newparam(:force, boolean: true, parent: Puppet::Parameter::Boolean) do
    desc 'Also write or remove an override that somebody edited.'
    defaultto false
  end

  newparam(:reload, boolean: true, parent: Puppet::Parameter::Boolean) do
    desc 'Make udev reload its files.'
    defaultto true
  end

  newparam(:root) do
    desc 'The image to change instead of this machine, an absolute path.'
    validate do |value|
      raise ArgumentError, "root #{value.inspect} is not an absolute path" unless value.is_a?(String) && value.start_with?('/')
    end
  end

  autorequire(:file) { ['/usr/local/sbin/linkaudit', self[:root]].compact }
  autorequire(:package) { 'linkaudit' }

  validate do
    raise ArgumentError, 'disturb goes with apply' if self[:disturb] && !self[:apply]
    raise ArgumentError, 'apply is for the running machine, not for root' if self[:apply] && self[:root]
  end
end
