//! Cuts a text into the small pieces that a model streams: a few words each. Pure; the pieces joined are the text.

/// Words in a piece, in turn: even pieces would look like no model.
const WORDS: [usize; 4] = [2, 3, 1, 4];
/// A piece ends here even within a word, for scripts and data without spaces.
const LONGEST: usize = 48;

/// The pieces of `text`, in order; none of an empty text.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    WORDS.iter().cycle().map_while(move |words| {
        let (piece, after) = rest.split_at(piece_end(rest, *words));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Where a piece of so many words (with the spaces after each) ends.
fn piece_end(text: &str, mut words: usize) -> usize {
    let mut in_space = false;
    for (at, character) in text.char_indices() {
        if in_space && !character.is_whitespace() {
            words -= 1;
            if words == 0 {
                return at;
            }
        }
        if at + character.len_utf8() > LONGEST {
            return at;
        }
        in_space = character.is_whitespace();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, pieces};

    #[test]
    fn a_piece_is_a_few_words() {
        let text = "one two three four five six seven";
        assert_eq!(pieces(text).collect::<Vec<_>>(), ["one two ", "three four five ", "six ", "seven"]);
    }

    #[test]
    fn the_pieces_joined_are_the_text() {
        let long = "가나다라마바사".repeat(30);
        for text in
            ["", " ", "a", "\n\n  indented\n\tlines\r\n", "no-spaces".repeat(40).as_str(), long.as_str()]
        {
            assert_eq!(pieces(text).collect::<String>(), text);
            assert!(pieces(text).all(|piece| !piece.is_empty() && piece.len() <= LONGEST));
        }
    }
}
