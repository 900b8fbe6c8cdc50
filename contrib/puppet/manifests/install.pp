# @summary Installs linkaudit.
#
# @api private
#
class linkaudit::install {
  if $linkaudit::manage_install {
    if $linkaudit::source {
      file { '/usr/local/sbin/linkaudit':
        ensure => file,
        owner  => 'root',
        group  => 'root',
        mode   => '0755',
        source => $linkaudit::source,
      }
      if $linkaudit::sha256 {
        File['/usr/local/sbin/linkaudit'] {
          checksum       => 'sha256',
          checksum_value => $linkaudit::sha256,
        }
      }
    } else {
      package { $linkaudit::package_name:
        ensure => $linkaudit::package_ensure,
      }
    }
  }
}
