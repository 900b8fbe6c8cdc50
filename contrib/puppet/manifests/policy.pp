# @summary Sets MACAddressPolicy=none for a device or a kind of device.
#
# A second run changes nothing. If linkaudit cannot tell what would change, or
# cannot change it, the resource fails with linkaudit's reason.
#
# @example A bond
#   linkaudit::policy { 'bond0':
#     target => 'bond',
#   }
#
# @example Every bridge
#   linkaudit::policy { 'every bridge':
#     target      => 'kind',
#     target_name => 'bridge',
#   }
#
# @example Undo
#   linkaudit::policy { 'br0':
#     ensure => absent,
#     target => 'bridge',
#   }
#
# @param ensure
#   absent undoes what linkaudit wrote for this target.
#
# @param target
#   What target_name is: a bond, a bridge, a device of any kind, or a kind.
#
# @param target_name
#   The device, which need not exist yet, or the kind.
#
# @param apply
#   Also set the address of existing devices when the override is written.
#
# @param disturb
#   With apply: also of a device that is up. This disturbs its traffic.
#
# @param force
#   Also write or remove an override that somebody edited.
#
# @param reload
#   Make udev reload its files.
#
# @param root
#   The image to change instead of this machine.
#
define linkaudit::policy (
  Enum['present', 'absent'] $ensure = 'present',
  Linkaudit::Target $target = 'device',
  String[1] $target_name = $title,
  Boolean $apply = false,
  Boolean $disturb = false,
  Boolean $force = false,
  Boolean $reload = true,
  Optional[Linkaudit::Absolutepath] $root = undef,
) {
  include linkaudit

  $name_type = $target ? {
    'kind'  => Linkaudit::Kind,
    default => Linkaudit::Device,
  }
  assert_type($name_type, $target_name) |$expected, $actual| {
    fail("linkaudit::policy: ${target_name.convert_to(String, '%p')} cannot be the name of a ${target}")
  }

  # Named by its target, to make Puppet refuse two that contradict each other.
  linkaudit_policy { "${root}${target}:${target_name}":
    ensure      => $ensure,
    target      => $target,
    target_name => $target_name,
    apply       => $apply,
    disturb     => $disturb,
    force       => $force,
    reload      => $reload,
    root        => $root,
    require     => Class['linkaudit::install'],
  }
}
