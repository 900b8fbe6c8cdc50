# @summary Installs linkaudit and declares the policies from Hiera.
#
# @example From a package, the distribution's or your own
#   include linkaudit
#
# @example The static binary, from your own module
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
#   Whether to install linkaudit; false if something else does.
#
# @param source
#   Install the static binary from here as /usr/local/sbin/linkaudit, and no
#   package.
#
# @param sha256
#   The binary's SHA-256, which is checked before the binary is installed.
#
# @param package_name
#   The name of the package.
#
# @param package_ensure
#   Its version, or another value that the package resource takes.
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
