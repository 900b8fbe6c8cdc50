# @summary Has MACAddressPolicy=none in force for a device or a kind of devices.
#
# A second run changes nothing. Where linkaudit cannot tell whether anything
# would change, or cannot change it, the resource fails with its reason.
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
# @example As before
#   linkaudit::policy { 'br0':
#     ensure => absent,
#     target => 'bridge',
#   }
#
# @param ensure
#   absent takes back what linkaudit wrote for this target.
#
# @param target
#   What target_name is: a bond, a bridge, a device of any kind, or a kind.
#
# @param target_name
#   The device, which need not exist yet, or the kind.
#
# @param apply
#   When the override is written, also set the address of devices that exist.
#
# @param disturb
#   With apply: also of a device that is up, which disturbs its traffic.
#
# @param force
#   Also where somebody edited the override.
#
# @param reload
#   Have udevd reload its files.
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

  # Named by what it is for, so that two that contradict are found at once.
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
