# frozen_string_literal: true

require 'json'
require_relative 'program'

module PuppetX
  module Linkaudit
    # The audit of this machine, for the fact linkaudit.
    module Audit
      # Seconds; an audit of a large host takes far less than one.
      TIMEOUT = 30

      # Infos would make the fact long.
      SEVERITIES = ['error', 'warning'].freeze

      # nil if linkaudit is not installed. Never raises.
      def self.fact
        program = Program.find
        return nil unless program

        result = Program.run(program, ['check', '--format', 'json'], TIMEOUT)
        return failed(Program.reason(result)) unless [0, 1].include?(result.status)

        digest(result.status, JSON.parse(result.stdout))
      rescue JSON::ParserError
        failed('the output of linkaudit check is not JSON')
      rescue StandardError => e
        failed(e.message)
      end

      def self.failed(reason)
        { 'status' => 'failed', 'error' => printable(reason) }
      end
      private_class_method :failed

      def self.digest(status, document)
        printable(
          'status' => status.zero? ? 'clean' : 'findings',
          'systemd_version' => document['host']['systemd_version'],
          'udevd' => document['host']['udevd'],
          'summary' => document['summary'],
          'devices' => document['devices'].map { |d| device(d) },
          'findings' => findings('', document) + document['devices'].flat_map { |d| findings(d['name'], d) },
        )
      end
      private_class_method :digest

      def self.device(device)
        device.slice('name', 'kind', 'link_file', 'mac_address_policy', 'origin')
              .merge('mac' => device.dig('live', 'mac'))
      end
      private_class_method :device

      def self.findings(name, holder)
        holder['findings'].select { |f| SEVERITIES.include?(f['severity']) }.map do |f|
          { 'device' => name }.merge(f.slice('rule', 'severity', 'message', 'file', 'line'))
        end
      end
      private_class_method :findings

      # Facts are printed on terminals, and a device name may be an escape sequence.
      def self.printable(value)
        case value
        when Hash then value.transform_values { |v| printable(v) }
        when Array then value.map { |v| printable(v) }
        when String then value.gsub(%r{[[:cntrl:]]}) { |c| format('\x%02x', c.ord) }
        else value
        end
      end
      private_class_method :printable
    end
  end
end
