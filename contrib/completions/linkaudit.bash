# Completion of linkaudit(1) for bash. The candidates come from linkaudit itself. It
# may also ask bash to complete names of files or directories.
#
# An interface name may have any character except white space, slash and colon, and
# bash reads a completed word as if you had typed it. So each candidate is quoted.
# Inside an open quote only candidates that need no quoting are offered.

# _linkaudit_plain WORD sets plain to WORD as bash will read it, and open to the
# quote that is still open at its end. Unlike eval, it expands nothing.
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

# _linkaudit_words sets words to the words up to the cursor, and typed to the part of
# the last word that bash will not replace: for bash, --format=json and the name a@b
# are three words each, and it completes only the third.
_linkaudit_words() {
	local rest=${COMP_LINE:0:COMP_POINT} i piece
	words=() typed=''
	for ((i = 0; i <= COMP_CWORD; i++)); do
		piece=${COMP_WORDS[i]}
		if [[ $i == 0 || $rest == [[:space:]]* ]]; then
			rest=${rest#"${rest%%[![:space:]]*}"}
			words+=('') typed=''
		fi
		# The word at the cursor may continue after it.
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
