# frozen_string_literal: true

# Finds linkaudit and runs it, for the fact and the provider.
module PuppetX
  # See above.
  module Linkaudit
    # The program linkaudit.
    module Program
      # Where to look besides PATH: an agent's PATH may lack the sbin directories.
      DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/usr/local/bin', '/usr/bin', '/sbin', '/bin'].freeze

      # The default time limit of a run, in seconds.
      TIMEOUT = 60

      # How a run ended: the exit status, nil if a signal killed it, and its output.
      Result = Struct.new(:status, :stdout, :stderr)

      # The run took too long and was killed.
      class TooSlow < StandardError; end

      # The path of linkaudit, or nil.
      def self.find
        search.map { |dir| File.join(dir, 'linkaudit') }
              .find { |file| File.file?(file) && File.executable?(file) }
      end

      # Runs program without a shell, for at most timeout seconds, and kills all that
      # it started. Raises TooSlow, or a SystemCallError if it cannot be run.
      def self.run(program, args, timeout = TIMEOUT)
        out = IO.pipe
        err = IO.pipe
        pid = Process.spawn({ 'PATH' => search.join(':') }, [program, program], *args,
                            in: File::NULL, out: out[1], err: err[1], pgroup: true)
        ended = Process.detach(pid)
        [out, err].each { |pipe| pipe[1].close }
        texts = [out, err].map { |pipe| Thread.new { pipe[0].read } }
        deadline = now + timeout
        in_time = (texts + [ended]).all? { |thread| thread.join([deadline - now, 0].max) }
        raise TooSlow, "#{program} #{args.first} did not end within #{timeout} seconds" unless in_time

        Result.new(ended.value.exitstatus, *texts.map { |t| t.value.force_encoding(Encoding::UTF_8).scrub })
      ensure
        finish(pid, ended, texts, [out, err])
      end

      # The error messages of a failed run, in one line.
      def self.reason(result)
        lines = result.stderr.lines.map { |l| l.strip.delete_prefix('linkaudit: ') }.reject(&:empty?)
        return lines.join('; ') unless lines.empty?

        result.status ? "exit status #{result.status} without a message" : 'killed by a signal'
      end

      def self.search
        ((ENV['PATH'] || '').split(':').select { |dir| dir.start_with?('/') } + DIRECTORIES).uniq
      end
      private_class_method :search

      def self.now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
      private_class_method :now

      def self.finish(pid, ended, texts, pipes)
        Process.kill(:KILL, -pid) if ended&.alive? || texts&.any?(&:alive?)
      rescue Errno::ESRCH
        nil # it ended by itself meanwhile
      ensure
        texts&.each(&:kill)
        pipes.flatten.compact.each { |io| io.close unless io.closed? }
      end
      private_class_method :finish
    end
  end
end
