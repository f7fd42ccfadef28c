"""What a study is: its settings and tables, its vocabulary, its folder."""
