# Where the file resource can take a file from.
type Linkaudit::Source = Pattern[/\A(\/|puppet:\/\/\/|file:\/\/\/|https?:\/\/)[^\0]+\z/]
