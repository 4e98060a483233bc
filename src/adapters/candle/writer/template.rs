//! The prompt of a brief: the model's own chat template around our instruction.
//!
//! Guarantees: the model sees wordings with slots and nothing else: no value, no name and no text of others can be in a
//! prompt. Templates are run by minijinja with Python's string methods, as published templates need. Non-goals: tools,
//! several turns.

use minijinja::{Environment, ErrorKind, context};

use crate::ports::language::Brief;

/// What the model is asked to do.
const INSTRUCTION: &str = "You word a short note for a person who has to approve an action. Each line below says one thing; \
                           names in angle brackets stand for values. Write the note again, a line for each sentence, so that \
                           it reads well as a whole. Keep every name in angle brackets as it is.";

/// A chat template that compiled.
pub struct Template {
    environment: Environment<'static>,
    begin: String,
    end: String,
}

impl Template {
    /// Compiles a template; `begin` and `end` are the texts of the tokens that begin and end a text.
    ///
    /// # Errors
    /// In words, with the line of the template.
    pub fn new(source: &str, begin: &str, end: &str) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", raise);
        environment.add_template_owned("chat", source.to_owned()).map_err(|error| format!("chat template: {error}"))?;
        Ok(Self { environment, begin: begin.to_owned(), end: end.to_owned() })
    }

    /// The prompt of `brief`, ready for the model to go on.
    ///
    /// # Errors
    /// In words, as the template said.
    pub fn prompt(&self, brief: &Brief) -> Result<String, String> {
        let plain = brief.orders.first().into_iter().flatten();
        let lines: Vec<&str> = plain.filter_map(|at| Some(brief.sentences.get(*at)?.first()?.as_str())).collect();
        let content = format!("{INSTRUCTION}\n\n{}", lines.join("\n"));
        let template = self.environment.get_template("chat").map_err(|error| format!("chat template: {error}"))?;
        // One user message: some templates refuse a system message.
        let messages = context! {
            messages => vec![context! { role => "user", content => content }],
            add_generation_prompt => true,
            enable_thinking => false,
            bos_token => self.begin.as_str(),
            eos_token => self.end.as_str(),
        };
        template.render(messages).map_err(|error| format!("chat template: {error}"))
    }
}

fn raise(message: String) -> Result<String, minijinja::Error> {
    Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
}
