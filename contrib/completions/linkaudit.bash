# Completion of linkaudit(8) for bash. The candidates come from linkaudit
# itself; where it has none, bash completes file names (-o default).
_linkaudit() {
	local IFS=$'\n' word
	local -a before=()
	# bash makes three words of --format=json; linkaudit takes two.
	for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
		[[ $word == = ]] || before+=("$word")
	done
	word=${COMP_WORDS[COMP_CWORD]}
	[[ $word == = ]] && word=
	COMPREPLY=($("${before[@]}" "$word" --generate-bash-completion 2>/dev/null))
}
complete -o default -F _linkaudit linkaudit
