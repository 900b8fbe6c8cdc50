# Completion of linkaudit(1) for bash. The candidates come from linkaudit
# itself, which may say instead that bash knows better: names of files or of
# directories.
#
# The name of a device may have any character but white space, slash and colon,
# and bash reads what is put on the line as if it had been typed. So each
# candidate is quoted, and within quotes that somebody opened only those are
# offered that need none.

# _linkaudit_plain sets plain to a word as bash will read it, and open to the
# quote in which it ends, without the expansions that eval would make.
_linkaudit_plain() {
	local rest=$1 c
	plain='' open=''
	while [[ -n $rest ]]; do
		c=${rest:0:1} rest=${rest:1}
		case $open$c in
		\\ | '"'\\)
			plain+=${rest:0:1} rest=${rest:1}
			;;
		\' | \") open=$c ;;
		"''" | '""') open='' ;;
		*) plain+=$c ;;
		esac
	done
}

# _linkaudit_words sets words to those up to the cursor, and typed to what bash
# will not replace of the last: it takes --format=json, and the name a@b, for
# three words, of which it completes the last.
_linkaudit_words() {
	local rest=${COMP_LINE:0:COMP_POINT} i piece
	words=() typed=''
	for ((i = 0; i <= COMP_CWORD; i++)); do
		piece=${COMP_WORDS[i]}
		if [[ $i == 0 || $rest == [[:space:]]* ]]; then
			rest=${rest#"${rest%%[![:space:]]*}"}
			words+=('') typed=''
		fi
		# The word at the cursor may go on behind it.
		[[ $rest == "$piece"* ]] || piece=$rest
		rest=${rest#"$piece"}
		typed=${words[-1]}
		words[-1]+=$piece
	done
	[[ $piece == [=:] ]] && typed=${words[-1]}
}

_linkaudit() {
	local word plain open typed candidate
	local -a words before=() candidates=()
	_linkaudit_words
	for word in "${words[@]:0:${#words[@]}-1}"; do
		_linkaudit_plain "$word"
		before+=("$plain")
	done
	_linkaudit_plain "$typed"
	typed=$plain
	_linkaudit_plain "${words[-1]}"
	mapfile -t candidates < <("${before[@]}" "$plain" --generate-bash-completion 2>/dev/null)
	COMPREPLY=()
	case ${candidates[0]-} in
	:files) compopt -o default 2>/dev/null ;;
	:directories) compopt -o dirnames -o filenames 2>/dev/null ;;
	*)
		for candidate in "${candidates[@]}"; do
			candidate=${candidate#"$typed"}
			if [[ -z $open ]]; then
				printf -v candidate %q "$candidate"
			elif [[ $candidate == *[!A-Za-z0-9_.@%+,-]* ]]; then
				continue
			fi
			COMPREPLY+=("$candidate")
		done
		;;
	esac
}
complete -F _linkaudit linkaudit
