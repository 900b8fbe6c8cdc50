# @summary Installs linkaudit and has the policies that Hiera names.
#
# @example From a package of the distribution or of your own repository
#   include linkaudit
#
# @example The static binary, from a module of yours
#   class { 'linkaudit':
#     source => 'puppet:///modules/profile/linkaudit',
#   }
#
# @example In Hiera
#   linkaudit::policies:
#     bond0:
#       target: bond
#     every bridge:
#       target: kind
#       target_name: bridge
#
# @param manage_install
#   Whether to install linkaudit at all; false where something else does.
#
# @param source
#   Take the static binary from here, as /usr/local/sbin/linkaudit, and install
#   no package.
#
# @param sha256
#   The binary's SHA-256, which is compared before it is put in place.
#
# @param package_name
#   The package.
#
# @param package_ensure
#   Its version, or what else the package resource takes.
#
# @param policies
#   Resources of linkaudit::policy.
#
class linkaudit (
  Boolean $manage_install = true,
  Optional[Linkaudit::Source] $source = undef,
  Optional[Pattern[/\A[0-9a-f]{64}\z/]] $sha256 = undef,
  String[1] $package_name = 'linkaudit',
  String[1] $package_ensure = 'installed',
  Hash[String[1], Hash[String[1], Any]] $policies = {},
) {
  contain linkaudit::install

  $policies.each |$title, $parameters| {
    linkaudit::policy { $title:
      * => $parameters,
    }
  }
}
