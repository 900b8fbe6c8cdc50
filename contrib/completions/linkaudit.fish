# Completion of linkaudit(1) for fish. The candidates come from linkaudit itself. It
# may also ask fish to complete names of files or directories. fish quotes the
# candidates: a device may have nearly any name.
function __linkaudit_ask
    set -l before (commandline -opc)
    # Without quotes. If a quote is still open, fish filters the candidates by itself.
    set -l current (string unescape -- (commandline -ct))
    $before "$current" --generate-bash-completion 2>/dev/null
end
# fish does not quote a leading ~.
complete -c linkaudit -f -a '(__linkaudit_ask | string match -v -r "^[:~]")'
complete -c linkaudit -n '__linkaudit_ask | string match -q ":files"' -F
complete -c linkaudit -n '__linkaudit_ask | string match -q ":directories"' -f -a '(__fish_complete_directories)'
