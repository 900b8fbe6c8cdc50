# frozen_string_literal: true

require 'json'
require_relative '../../../puppet_x/linkaudit/program'

Puppet::Type.type(:linkaudit_policy).provide(:linkaudit) do
  desc 'Runs linkaudit, without a shell.'

  # This very run may install linkaudit. So look for it each time, and do not make
  # it a condition for the provider.
  confine kernel: :linux

  # The report of linkaudit, with "why": what would be done, or was.
  attr_reader :plan

  # --check exits 0 if there is nothing to do, 1 if something would change. Any
  # other status is a failure.
  def exists?
    return unknown if resource.noop? && !PuppetX::Linkaudit::Program.find

    result = linkaudit(*command, '--check')
    case result.status
    when 0 then wanted?
    when 1
      @plan = outcome('--dry-run')
      !wanted?
    else raise Puppet::Error, PuppetX::Linkaudit::Program.reason(result)
    end
  end

  def create
    change
  end

  def destroy
    change
  end

  # The files in the plan.
  def path
    plan['targets'].map { |t| t['path'] }.reject(&:empty?).join(', ')
  end

  private

  def linkaudit(*args)
    program = PuppetX::Linkaudit::Program.find
    raise Puppet::Error, 'linkaudit is not installed; the class linkaudit installs it' unless program

    PuppetX::Linkaudit::Program.run(program, args)
  rescue PuppetX::Linkaudit::Program::TooSlow, SystemCallError => e
    raise Puppet::Error, e.message
  end

  def wanted?
    resource[:ensure] == :present
  end

  # With noop, linkaudit is not installed yet.
  def unknown
    @plan = { 'why' => 'unknown what would change: linkaudit is not installed yet', 'diff' => '', 'targets' => [] }
    !wanted?
  end

  def command
    wanted? ? ['fix', *target, *live, *shared] : ['undo', *target, *shared]
  end

  # In one word with the flag: no name can be taken for a flag. An escaped comma does
  # not split a name.
  def target
    ["--#{resource[:target]}=#{resource[:target_name].gsub(',') { '\\,' }}"]
  end

  def live
    [('--apply' if resource[:apply]), ('--yes' if resource[:disturb])].compact
  end

  def shared
    [('--force' if resource[:force]), ('--no-reload' unless resource[:reload]),
     ("--root=#{resource[:root]}" if resource[:root])].compact
  end

  def change
    done = outcome
    done['remaining'].each { |sentence| resource.notice(sentence) }
  end

  # Runs the command and reads its report.
  def outcome(*more)
    result = linkaudit(*command, *more, '--format', 'json')
    raise Puppet::Error, PuppetX::Linkaudit::Program.reason(result) unless result.status&.zero?

    report = JSON.parse(result.stdout)
    report.merge('why' => report['targets'].map { |t| t['why'] }.reject(&:empty?).join('; '))
  rescue JSON::ParserError
    raise Puppet::Error, "the output of linkaudit #{command.first} is not JSON"
  end
end
