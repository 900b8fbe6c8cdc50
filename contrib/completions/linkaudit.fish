# Completion of linkaudit(1) for fish. The candidates come from linkaudit
# itself, which may say instead that fish knows better: names of files or of
# directories. fish quotes what needs it: a device may be called nearly anything.
function __linkaudit_ask
    set -l before (commandline -opc)
    # Without its quotes; where one is still open, fish alone looks for what fits.
    set -l current (string unescape -- (commandline -ct))
    $before "$current" --generate-bash-completion 2>/dev/null
end
# A ~ at the beginning is the one thing that fish leaves unquoted.
complete -c linkaudit -f -a '(__linkaudit_ask | string match -v -r "^[:~]")'
complete -c linkaudit -n '__linkaudit_ask | string match -q ":files"' -F
complete -c linkaudit -n '__linkaudit_ask | string match -q ":directories"' -f -a '(__fish_complete_directories)'
